// Package image holds the proof that Dockerfile and compose.yaml work where no container engine
// is. Each RUN line is run as it stands, on a copy-on-write view of this machine in the place of
// the base image; the last stage's files are put together and started under chroot as the
// image's user on a read-only tree; and the services of compose.yaml are run as processes with
// the arguments that the file gives them.
//
// It has to be root, as an engine would. Where it is not, it asks sudo.
package image
