// Package chaos proves that nothing accepted is lost. Its tests run real Windlass processes
// on a real Redis, put load on them over the API, and meanwhile kill workers, kill, restart
// and pause Redis, cut, slow and half open its connections, and kill masters of Sentinel
// and Cluster, one after the other.
//
// Every client notes what it was told. When the trouble is over and everything has ended,
// the notes are compared with the record: each accepted task is there, ended once, was
// recorded as succeeded at most once, and is what the clients were told. Attempts may run
// twice, because Windlass promises "at least once"; a target on loopback counts how often.
//
// A short form, a few seconds a scenario, runs with the other tests. `make chaos` runs the
// long one. Everything is bounded in time and count and stays on loopback.
package chaos
