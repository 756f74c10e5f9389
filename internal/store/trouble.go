package store

import "errors"

// Trouble is why Redis takes no tasks: a stable word, fit for a stranger's eyes.
type Trouble string

// The troubles. An empty one is none that is known.
const (
	TroubleUnreachable Trouble = "redis_unreachable" // nobody is at its address, or nobody that speaks its language
	TroubleSilent      Trouble = "redis_silent"      // somebody is, and does not answer in time
	TroubleDenied      Trouble = "redis_denied"      // it does not let this user in, or do what is needed
	TroubleFull        Trouble = "redis_full"        // its memory is used up
	TroubleReadOnly    Trouble = "redis_read_only"   // it is a replica
	TroubleLoading     Trouble = "redis_loading"     // it has begun, and still reads its data
	TroubleUnsaved     Trouble = "redis_cannot_save" // it takes no writes because it cannot save them
	TroubleCrowded     Trouble = "redis_crowded"     // it has as many clients as it may
	TroubleDown        Trouble = "redis_cluster_down"
	TroubleLagging     Trouble = "replicas_lagging" // fewer replicas than are waited for have what was written
)

// TroubleOf gives the sort of an error of Ready, empty where it is not known.
func TroubleOf(err error) Trouble {
	if errors.Is(err, errUnconfirmed) {
		return TroubleLagging
	}
	if err == nil {
		return ""
	}
	sort, _ := why(err)
	return sort
}
