package store

// newsKept is how many changed tasks are remembered: so far a watcher may be behind.
const newsKept = 1000

// news is what changed lately: the latest change of each task, in order. All who watch the
// same share it, so that a change costs the same however many they are.
type news struct {
	count          int64 // of all changes so far
	lost           int64 // what was changed by this count is not all known any more
	last           string
	byTask         map[string]*newsItem
	oldest, newest *newsItem
}

// newsItem is the latest change of a task.
type newsItem struct {
	Change
	at           int64 // the count of the latest change
	record, log  int64 // the counts of the latest change of its record and of its log; 0: none
	older, newer *newsItem
}

func newNews() *news { return &news{byTask: map[string]*newsItem{}} }

// add takes a change, whose At names its place.
func (n *news) add(c Change) {
	n.count++
	if Earlier(n.last, c.At) {
		n.last = c.At
	}
	item := n.byTask[c.ID]
	if item == nil {
		item = &newsItem{Change: c}
		n.byTask[c.ID] = item
	} else {
		n.unlink(item)
		if !Earlier(c.At, item.At) { // else a replay: it comes after what happened meanwhile
			item.Change = c
		}
	}
	item.at = n.count
	if c.Record {
		item.record = n.count
	}
	if c.Log {
		item.log = n.count
	}
	n.link(item)
	if len(n.byTask) > newsKept {
		n.lost = n.oldest.at
		delete(n.byTask, n.oldest.ID)
		n.unlink(n.oldest)
	}
}

// since gives what changed after a count, one Change a task, and whether more did than is known.
func (n *news) since(count int64) (changes []Change, missed bool) {
	first, length := n.newest, 0
	for item := n.newest; item != nil && item.at > count; item = item.older {
		first, length = item, length+1
	}
	changes = make([]Change, 0, length)
	for item := first; length > 0; item = item.newer {
		c := item.Change
		c.Record, c.Log = item.record > count, item.log > count
		changes = append(changes, c)
		length--
	}
	return changes, count < n.lost
}

func (n *news) link(item *newsItem) {
	item.older, item.newer = n.newest, nil
	if n.newest == nil {
		n.oldest = item
	} else {
		n.newest.newer = item
	}
	n.newest = item
}

func (n *news) unlink(item *newsItem) {
	if item.older == nil {
		n.oldest = item.newer
	} else {
		item.older.newer = item.newer
	}
	if item.newer == nil {
		n.newest = item.older
	} else {
		item.newer.older = item.older
	}
}
