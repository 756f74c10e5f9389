package egress

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer runs a name server that answers every A question with what next
// gives, and every other question with nothing.
func nameServer(t *testing.T, next func() netip.Addr) *net.Resolver {
	return NameServer(t, func(_ string, v6 bool) []netip.Addr {
		if v6 {
			return nil
		}
		return []netip.Addr{next()}
	})
}

// NameServer runs a name server that answers a question for the addresses of a
// name, by either version of IP, with what zone gives. It gives a resolver that
// asks it.
func NameServer(t *testing.T, zone func(name string, v6 bool) []netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	go func() {
		defer close(done)
		packet := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			reply, err := answer(packet[:n], zone)
			if err != nil {
				t.Errorf("answer a question: %v", err)
				return
			}
			if _, err := conn.WriteTo(reply, from); err != nil {
				t.Errorf("send an answer: %v", err)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func answer(packet []byte, zone func(string, bool) []netip.Addr) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(packet); err != nil {
		return nil, err
	}
	m.Response, m.Authoritative, m.RecursionAvailable = true, true, true
	m.Additionals = nil
	for _, q := range m.Questions {
		if q.Type != dnsmessage.TypeA && q.Type != dnsmessage.TypeAAAA {
			continue
		}
		for _, addr := range zone(q.Name.String(), q.Type == dnsmessage.TypeAAAA) {
			record := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}}
			if q.Type == dnsmessage.TypeA {
				record.Body = &dnsmessage.AResource{A: addr.As4()}
			} else {
				record.Body = &dnsmessage.AAAAResource{AAAA: addr.As16()}
			}
			m.Answers = append(m.Answers, record)
		}
	}
	return m.Pack()
}
