package store

import "google.golang.org/protobuf/encoding/protowire"

// Message gives the claimed task as the message that an asynq Server expects
// from its queue (asynq 0.26, internal/proto/asynq.proto): the id is the payload.
func (c *Claim) Message() []byte {
	var b []byte
	for i, text := range []string{c.Task.Kind, c.Task.ID, c.Task.ID, c.Task.Queue} {
		b = protowire.AppendTag(b, protowire.Number(i+1), protowire.BytesType)
		b = protowire.AppendString(b, text)
	}
	return append(b, messageTail()...)
}
