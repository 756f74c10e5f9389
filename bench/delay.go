package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// oneWay is how long a byte travels: half of the round trip that is emulated.
	oneWay = 250 * time.Microsecond
	// parcelSize is how much is read at once: enough for what a pipeline brings.
	parcelSize = 64 << 10
	// onTheWay is how many parcels of one direction may be under way. Far more than a few
	// workers send in oneWay.
	onTheWay = 4096
)

// delay is a TCP proxy that lets every byte arrive oneWay later than it was sent, in both
// directions. Each parcel is stamped when it is read, so that many may be under way at once:
// the way is longer, not narrower.
type delay struct {
	listener net.Listener
	to       string
	there    *line
	back     *line
	running  sync.WaitGroup

	mu     sync.Mutex
	conns  []net.Conn
	closed bool
}

// parcel is what was read at once. An empty one says that the sender has ended.
type parcel struct {
	due   time.Time
	to    net.Conn
	bytes []byte
}

// line is one direction of all connections: as all wait equally long, the first read is the
// first due.
type line struct {
	parcels chan parcel
	alarm   *alarm
}

// startDelay begins to accept connections to a Redis. The caller ends it by close.
func startDelay(ctx context.Context, to string) (*delay, error) {
	d := &delay{to: to}
	var err error
	if d.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start the delay: %w", err)
	}
	for _, l := range []**line{&d.there, &d.back} {
		alarm, err := newAlarm()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start the delay: %w", err), d.listener.Close())
		}
		*l = &line{make(chan parcel, onTheWay), alarm}
		d.running.Go((*l).carry)
	}
	var readers sync.WaitGroup
	d.running.Go(func() {
		d.accept(&readers)
		readers.Wait()
		close(d.there.parcels)
		close(d.back.parcels)
	})
	return d, nil
}

func (d *delay) addr() string { return d.listener.Addr().String() }

func (d *delay) accept(readers *sync.WaitGroup) {
	for {
		from, err := d.listener.Accept()
		if err != nil {
			return // It was closed.
		}
		to, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "tcp", d.to)
		if err != nil || !d.adopt(from, to) {
			from.Close()
			continue
		}
		readers.Go(func() { d.there.read(from, to) })
		readers.Go(func() { d.back.read(to, from) })
	}
}

// adopt remembers a pair of connections for close. It fails when that has come first.
func (d *delay) adopt(from, to net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		to.Close()
		return false
	}
	d.conns = append(d.conns, from, to)
	return true
}

// close ends every connection and returns when nothing runs any more.
func (d *delay) close() {
	d.listener.Close()
	d.mu.Lock()
	d.closed = true
	for _, c := range d.conns {
		c.Close()
	}
	d.mu.Unlock()
	d.running.Wait()
}

// read stamps what from sends, until it has ended.
func (l *line) read(from, to net.Conn) {
	buffer := make([]byte, parcelSize)
	for {
		n, err := from.Read(buffer)
		due := time.Now().Add(oneWay)
		if n > 0 {
			l.parcels <- parcel{due, to, append([]byte(nil), buffer[:n]...)}
		}
		if err != nil {
			l.parcels <- parcel{due, to, nil}
			return
		}
	}
}

// carry delivers until there will be nothing more.
func (l *line) carry() {
	defer l.alarm.close()
	for p := range l.parcels {
		l.alarm.wait(time.Until(p.due))
		if len(p.bytes) == 0 {
			p.to.Close()
			continue
		}
		if _, err := p.to.Write(p.bytes); err != nil {
			p.to.Close() // Its reader ends by that, and so does the other side.
		}
	}
}
