package chaos

import (
	"slices"
	"strings"
	"time"

	"windlass/internal/redistest"
	"windlass/internal/task"
)

// killWorkers kills one worker after another in the middle of a task.
func killWorkers(r *run) {
	for range pick(r, 2, 20) {
		var victim *process
		if !r.until(settle, func() bool { victim = r.busyWorker(); return victim != nil }) {
			r.t.Fatal("no worker runs anything")
		}
		r.fleet.replace(victim)
		r.rest(pick(r, time.Second, 3*time.Second))
	}
}

// busyWorker gives a worker that runs a task, nil when none does.
func (r *run) busyWorker() *process {
	for _, t := range r.list("state=active&limit=20").Items {
		for _, a := range t.Attempts {
			if p := r.fleet.ofWorker(a.Worker); a.Outcome == "" && p != nil && p.died().IsZero() {
				return p
			}
		}
	}
	return nil
}

// killFronts kills the processes that answer the clients.
func killFronts(r *run) {
	for range pick(r, 3, 20) {
		r.fleet.replace(r.fleet.oldest(roleAPI))
		r.rest(pick(r, 500*time.Millisecond, 2*time.Second))
	}
}

// killRedis kills Redis and starts it again a little later with what its file holds.
func killRedis(r *run) {
	for range pick(r, 2, 10) {
		r.rest(pick(r, time.Second, 3*time.Second))
		r.backend.server.Kill()
		r.timeline.note("redis killed")
		r.rest(pick(r, time.Second, 3*time.Second))
		r.backend.server.Restart()
		r.timeline.over("redis is back")
	}
}

// pauseRedis stops Redis with all connections open. The long pause outlives every lease.
func pauseRedis(r *run) {
	r.rest(time.Second)
	r.backend.server.Pause()
	r.timeline.note("redis stopped")
	r.rest(pick(r, 6*time.Second, 30*time.Second))
	r.backend.server.Resume()
	r.timeline.over("redis goes on")
	r.rest(pick(r, time.Second, 10*time.Second))
}

// killMasters kills a master, waits until a replica has taken its place, and lets it come
// back as the replica of that.
func killMasters(r *run) {
	for i := range pick(r, 1, 6) {
		r.rest(time.Second)
		masters := r.masters()
		old := masters[i%len(masters)]
		r.killMaster(old)
		r.rest(pick(r, time.Second, 5*time.Second))
		old.Restart()
		if r.long { // Sentinel takes ten seconds over it.
			r.waitReplica(old)
		}
	}
}

// killMasterAhead kills the master that keeps the tasks while the replicas hang and are
// behind by more than the sockets between them hold. One of them then takes its place.
func killMasterAhead(r *run) {
	r.rest(time.Second)
	masters := r.masters()
	replicas := slices.DeleteFunc(slices.Clone(r.backend.nodes), func(n *redistest.Server) bool { return slices.Contains(masters, n) })
	for _, n := range replicas {
		n.Pause()
	}
	r.timeline.note("the replicas hang")
	r.rest(pick(r, 3*time.Second, 10*time.Second))
	r.killMaster(masters[0], replicas...)
	masters[0].Restart() // Else a cluster has no replica to wait for.
}

// masters are those that everybody agrees on.
func (r *run) masters() (masters []*redistest.Server) {
	if !r.until(settle, func() bool { masters = r.backend.masters(); return len(masters) > 0 }) {
		r.t.Fatal("nobody knows who is master")
	}
	return masters
}

// killMaster returns when the master has a successor that everybody knows: Sentinels tell each
// other within two seconds. A master that comes back before takes tasks from whoever asks a
// Sentinel that does not know, and they are lost when it is made a replica. Hanging nodes go on
// once it is dead.
func (r *run) killMaster(old *redistest.Server, hanging ...*redistest.Server) {
	old.Kill()
	r.timeline.note("master %s killed", old.Addr())
	for _, n := range hanging {
		n.Resume()
	}
	succeeded := func() bool {
		masters := r.backend.masters()
		return len(masters) > 0 && !slices.Contains(masters, old)
	}
	if !r.until(settle, succeeded) {
		r.t.Fatalf("nobody takes the place of the master %s", old.Addr())
	}
	r.timeline.over("it has a successor")
}

// waitReplica returns when a node that was master follows another.
func (r *run) waitReplica(s *redistest.Server) {
	client := s.Client(r.t)
	follows := func() bool {
		info, err := client.Info(r.t.Context(), "replication").Result()
		return err == nil && strings.Contains(info, "role:slave") && strings.Contains(info, "master_link_status:up")
	}
	if !r.until(settle, follows) {
		r.t.Fatalf("%s does not follow its successor", s.Addr())
	}
	r.timeline.note("%s is back as a replica", s.Addr())
}

// cutConnections resets every connection again and again, in the middle of what they carry.
func cutConnections(r *run) {
	all := r.backend.network()
	for i := range pick(r, 30, 300) {
		all[i%len(all)].cut()
		r.timeline.over("connections cut")
		r.rest(100 * time.Millisecond)
	}
}

// slowConnections makes Redis seem far away.
func slowConnections(r *run) {
	for _, delay := range []time.Duration{50 * time.Millisecond, 500 * time.Millisecond} {
		r.network("slow by "+delay.String(), network{delay: delay}, r.backend.network(), pick(r, 2*time.Second, 30*time.Second))
	}
}

// halfOpenConnections lets one direction hang: Redis gets nothing, or is not heard. The
// second is the nastier one, because what nobody confirmed was done. Both last longer than
// the Redis client waits for a reply (5 s), so that it asks again.
func halfOpenConnections(r *run) {
	for range pick(r, 1, 3) {
		r.halfOpen(r.backend.network(), pick(r, 6*time.Second, 15*time.Second))
	}
}

// isolate lets the connections of some processes hang for longer than a lease, while others
// go on: these take over what those had begun, and then those come back with what they had
// to say.
func isolate(r *run) {
	d := pick(r, 9*time.Second, 15*time.Second)
	for i := range pick(r, 1, 4) {
		api, worker := r.backend.proxies[roleAPI], r.backend.proxies[roleWorker]
		deaf := []*proxy{worker[i%workers], api[i%fronts]}
		mute := worker[(i+1)%workers]
		r.backend.set(network{mute: true}, []*proxy{mute})
		r.network("one worker is not answered, another and one api are not heard", network{deaf: true}, deaf, d)
		r.backend.set(network{}, []*proxy{mute})
		r.rest(pick(r, 0, 5*time.Second))
	}
}

func (r *run) halfOpen(some []*proxy, d time.Duration) {
	r.network("replies of redis are held back", network{mute: true}, some, d)
	r.rest(pick(r, 500*time.Millisecond, 5*time.Second))
	r.network("requests to redis are held back", network{deaf: true}, some, d)
	r.rest(pick(r, 500*time.Millisecond, 5*time.Second))
}

// network makes some proxies bad for a while.
func (r *run) network(what string, n network, some []*proxy, d time.Duration) {
	r.timeline.note("network: %s", what)
	r.backend.set(n, some)
	r.rest(d)
	r.backend.set(network{}, some)
	r.timeline.over("network mended")
}

// page is what GET /api/v1/tasks answers.
type page struct {
	Items []task.Task `json:"items"`
	Next  *string     `json:"next_cursor"`
}

// list asks for one page. It is empty when nobody answers.
func (r *run) list(query string) page {
	var p page
	if _, err := ask(r.t.Context(), "GET", r.fleet.front(0)+"/api/v1/tasks?"+query, nil, nil, &p); err != nil {
		return page{}
	}
	return p
}
