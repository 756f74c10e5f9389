package chaos

import (
	"net"
	"sync"
	"testing"
	"time"
)

// proxy stands on loopback between Windlass and Redis and is a bad network when asked.
type proxy struct {
	target   string
	listener net.Listener
	done     chan struct{}
	pumps    sync.WaitGroup

	mu      sync.Mutex
	links   map[*link]bool
	network network
	changed chan struct{} // closed when network changes
}

// network is how a proxy treats what it carries. The zero value is a good one.
type network struct {
	delay time.Duration // for each piece, each way
	// deaf holds back what goes to Redis, mute what comes from it. The connections stay
	// open and new ones are taken. What was held back arrives late, when the network is
	// mended, as TCP does it; also when its sender has long given up.
	deaf, mute bool
}

// link is one connection through the proxy.
type link struct{ near, far *net.TCPConn }

func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("start proxy: %v", err)
	}
	p := &proxy{target: target, listener: l, done: make(chan struct{}), links: map[*link]bool{}, changed: make(chan struct{})}
	p.pumps.Go(p.accept)
	t.Cleanup(func() {
		close(p.done)
		_ = l.Close()
		p.cut()
		p.pumps.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		k := &link{near.(*net.TCPConn), far.(*net.TCPConn)}
		p.mu.Lock()
		p.links[k] = true
		p.mu.Unlock()
		p.pumps.Go(func() { p.carry(k) })
	}
}

// carry pumps both ways until both sides have ended.
func (p *proxy) carry(k *link) {
	var there sync.WaitGroup
	there.Go(func() { p.pump(k.far, k.near, func(n network) bool { return n.deaf }) })
	p.pump(k.near, k.far, func(n network) bool { return n.mute })
	_ = k.near.Close()
	there.Wait()
	_ = k.far.Close()
	p.mu.Lock()
	delete(p.links, k)
	p.mu.Unlock()
}

// pump copies until its source ends, then tells the other side.
func (p *proxy) pump(to, from *net.TCPConn, held func(network) bool) {
	defer func() { _ = to.CloseWrite() }()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if !p.pass(held) {
			return
		}
		if n > 0 {
			if _, failed := to.Write(buffer[:n]); failed != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pass returns when the network lets the next piece through; false when the proxy ends.
func (p *proxy) pass(held func(network) bool) bool {
	for {
		p.mu.Lock()
		n, changed := p.network, p.changed
		p.mu.Unlock()
		var late <-chan time.Time
		if !held(n) {
			if n.delay == 0 {
				return true
			}
			late = time.After(n.delay)
		}
		select {
		case <-late:
			return true
		case <-changed:
		case <-p.done:
			return false
		}
	}
}

// set makes the network as bad as it says from now on.
func (p *proxy) set(n network) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.network = n
	close(p.changed)
	p.changed = make(chan struct{})
}

// cut resets every connection. What was under way is gone; new ones are taken.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := range p.links {
		for _, side := range []*net.TCPConn{k.near, k.far} {
			_ = side.SetLinger(0) // RST instead of FIN
			_ = side.Close()
		}
	}
}
