// Package leaks tries that no secret leaves Windlass by any way out: it plants
// one in every field that may carry one, lets tasks end in every way, and looks
// for them in all that was answered, logged, counted, shipped and stored.
package leaks
