// Package metric declares each metric of Windlass once (declare.go), keeps the values that this
// process feeds, and gives them to Prometheus (registry.go) and to CloudWatch, as lines in its
// embedded metric format (emf.go).
package metric
