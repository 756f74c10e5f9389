package store

import "time"

func testPermits(e *env) {
	ask := PermitAsk{Client: "a", Rate: "test", Interval: time.Hour, Burst: 10}
	for i, c := range []struct {
		owed, need, want int
		granted, left    int
		waits            bool
	}{
		{0, 1, 4, 4, 6, false},
		{0, 1, 1, 1, 5, false},
		{3, 1, 1, 1, 1, false},  // what is owed is charged first
		{0, 2, 2, 0, 1, true},   // less than is of use: nothing
		{0, 1, 9, 1, 0, false},  // as much as there is
		{0, 1, 1, 0, 0, true},   // nothing left
		{100, 1, 1, 0, 0, true}, // debts are remembered
	} {
		ask.Owed, ask.Need, ask.Want = c.owed, c.need, c.want
		got, err := e.Permits(e.ctx, ask)
		if err != nil {
			e.t.Fatal(err)
		}
		if got.Granted != c.granted || got.Left != c.left || (got.Wait > 0) != c.waits {
			e.t.Errorf("step %d: got %+v, want %+v", i, got, c)
		}
	}
	other := ask
	other.Client, other.Owed = "b", 0
	got, err := e.Permits(e.ctx, other)
	if err != nil || got.Granted != 1 {
		e.t.Errorf("another client: %+v, %v", got, err)
	}
}

// Time gives permits back, and the key of a client who owes nothing is gone.
func testPermitsComeBack(e *env) {
	ask := PermitAsk{Client: "a", Rate: "test", Interval: 20 * time.Millisecond, Burst: 3, Need: 3, Want: 3}
	take := func() PermitGrant {
		e.t.Helper()
		got, err := e.Permits(e.ctx, ask)
		if err != nil {
			e.t.Fatal(err)
		}
		return got
	}
	if got := take(); got.Granted != 3 || got.Full <= 50*time.Millisecond || got.Full > 61*time.Millisecond {
		e.t.Fatalf("got %+v", got)
	}
	for {
		got := take()
		if got.Granted == 3 {
			break
		}
		if got.Granted != 0 || got.Wait > 61*time.Millisecond {
			e.t.Fatalf("got %+v", got)
		}
		<-time.After(got.Wait)
	}
}
