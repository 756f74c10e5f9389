package front

import (
	"net"
	"net/netip"
	"sync"
)

// door is a listener that holds a bounded number of connections of one address.
type door struct {
	net.Listener
	proxies Proxies // hold as many as they like
	most    int

	mu   sync.Mutex
	held map[netip.Prefix]int
}

// Door lets each address hold so many connections of l at most; zero is any number.
// Proxies are not counted. One more is closed at once and unheard: an answer would cost
// what the bound is to save.
func Door(l net.Listener, proxies Proxies, most int) net.Listener {
	if most == 0 {
		return l
	}
	return &door{Listener: l, proxies: proxies, most: most, held: map[netip.Prefix]int{}}
}

// Accept is net.Listener's.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := conn.(*net.TCPConn)
		address := hostOf(conn.RemoteAddr().String())
		if !ok || d.proxies.trust(address) {
			return conn, nil
		}
		customer := Customer(address)
		if !d.enter(customer) {
			_ = tcp.SetLinger(0) // nothing of it is kept, in the kernel neither
			_ = tcp.Close()
			continue
		}
		return &guest{TCPConn: tcp, leave: sync.OnceFunc(func() { d.leave(customer) })}, nil
	}
}

func (d *door) enter(customer netip.Prefix) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held[customer] >= d.most {
		return false
	}
	d.held[customer]++
	return true
}

func (d *door) leave(customer netip.Prefix) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held[customer]--; d.held[customer] == 0 {
		delete(d.held, customer)
	}
}

// guest is a connection that is counted until it is closed. All else is TCP's own, so that
// files still go out by sendfile.
type guest struct {
	*net.TCPConn
	leave func()
}

// Close is net.Conn's.
func (g *guest) Close() error {
	defer g.leave()
	return g.TCPConn.Close()
}
