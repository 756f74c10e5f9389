package kind

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// signingKeyPrefix begins every symmetric secret of the Standard Webhooks specification.
const signingKeyPrefix = "whsec_"

// parseSigningKey reads a Standard Webhooks secret: whsec_ and the base64 of 24
// to 64 bytes. rule says what is wrong with it as a task.FieldError does.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
func parseSigningKey(secret string) (key []byte, rule string) {
	const wanted = "must be whsec_ followed by the base64 of 24 to 64 bytes"
	encoded, ok := strings.CutPrefix(secret, signingKeyPrefix)
	if !ok {
		return nil, wanted
	}
	// Strict, because the decoder otherwise skips line breaks and stray bits,
	// which the receiver's decoder may not.
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(key) < 24 || len(key) > 64 || strings.ContainsAny(encoded, "\r\n") {
		return nil, wanted
	}
	return key, ""
}

// sign adds the Standard Webhooks fields for body. The id stays the same over
// all attempts so that the receiver can tell a repetition; the time is this
// attempt's, for receivers refuse old ones.
func sign(h http.Header, key []byte, id string, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", timestamp)
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
