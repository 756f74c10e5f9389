// Package instance boots an instance as AWS would, as far as a machine without AWS can: the
// user data of deploy/terraform is rendered by Terraform and run under a systemd of its own, in
// namespaces of its own. What is not there is stood in for: Docker (which runs the real program
// with the arguments, variables, user and mounts that it is told), dnf, the metadata service,
// the auto scaling group's hooks; moto is Secrets Manager and CloudWatch. The aws command and
// Redis are real, and a small proxy is the load balancer.
//
// It has to be root. Where it is not, it asks sudo.
package instance
