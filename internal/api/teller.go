package api

import (
	"context"
	"runtime"
	"sync"
)

// teller does the work of event streams, which must not wait for anybody: what has come up for a
// thousand streams in the same moment is done one after the other. Done by each on its own, it
// would stand in the way of every request at each of its steps, and leave each stream a deep stack.
type teller struct {
	over    context.Context
	errands chan *errand
	begin   sync.Once
}

// errand is what one stream has to do.
type errand struct {
	do       func()
	done     chan struct{}
	panicked any
}

// newTeller gives one that works until over ends.
func newTeller(over context.Context) *teller {
	return &teller{over: over, errands: make(chan *errand)}
}

// run returns when the errand is done. It panics if that did.
func (t *teller) run(e *errand) {
	t.begin.Do(func() {
		for range max(1, runtime.GOMAXPROCS(0)/2) { // the other cores are for requests
			go t.work()
		}
	})
	select {
	case t.errands <- e:
		<-e.done
	case <-t.over.Done():
		e.do()
		return
	}
	if v := e.panicked; v != nil {
		e.panicked = nil
		panic(v)
	}
}

func (t *teller) work() {
	for {
		select {
		case e := <-t.errands:
			e.carryOut()
			runtime.Gosched() // before the next one it is everybody else's turn
		case <-t.over.Done():
			return
		}
	}
}

func (e *errand) carryOut() {
	defer func() {
		e.panicked = recover()
		e.done <- struct{}{}
	}()
	e.do()
}
