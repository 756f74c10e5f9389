package main

// measurements is the one list of what is measured. Its order is the table's.
func measurements(sizes sizes) []measurement {
	return []measurement{
		submitting(),
		bulk(sizes.tasks),
		running(sizes.tasks),
		runningBesideAsynq(sizes.tasks, 4),
		runningBesideAsynq(sizes.tasks, 1),
		idle(),
		starting(),
		memory(),
		static(),
		answering(),
		listing(sizes.list),
		rude("rude", "rude clients", 0),
		rude("rude-botnet", "200 addresses that flood", 200),
		scaling(sizes.tasks/2, 2),
		scaling(sizes.tasks/2, 4),
	}
}

// The peers by name.
const (
	fastAPI = "FastAPI + Celery"
	celery  = "Celery"
)
