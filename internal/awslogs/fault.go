package awslogs

import (
	"errors"
	"net/http"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/aws/smithy-go"
)

// class is what to do about an error of the service.
type class int

const (
	again     class = iota // back off and try again, for ever
	throttled              // the same, and nobody's success says that it will go better now
	missing                // make the group or stream, go on
	invalid                // find the event that is to blame, count it, go on without it
	denied                 // say so, back off, try again: somebody may give the right
	expired                // ask for new credentials, try again
	repeated               // the service has it already
)

// String says it in a sentence for whoever may not read the error itself: that names accounts,
// roles and addresses.
func (c class) String() string {
	switch c {
	case throttled:
		return "CloudWatch asks for fewer calls."
	case missing:
		return "The log group or stream is missing."
	case invalid:
		return "CloudWatch does not take a line."
	case denied:
		return "CloudWatch refuses: the role lacks a right, or the credentials are not valid."
	case expired:
		return "The credentials have expired."
	default:
		return "CloudWatch cannot be reached, or failed."
	}
}

// classes by the code of the error. What is not here is tried again: a line is not given up
// because the service learned a new word.
var classes = map[string]class{
	"ThrottlingException":      throttled,
	"Throttling":               throttled,
	"TooManyRequestsException": throttled,
	"RequestLimitExceeded":     throttled,
	"LimitExceededException":   throttled,

	"ResourceNotFoundException": missing,

	"InvalidParameterException": invalid,
	"ValidationException":       invalid,
	"SerializationException":    invalid,

	"AccessDeniedException":        denied,
	"AccessDenied":                 denied,
	"UnrecognizedClientException":  denied,
	"InvalidClientTokenId":         denied,
	"InvalidSignatureException":    denied,
	"SignatureDoesNotMatch":        denied,
	"IncompleteSignature":          denied,
	"MissingAuthenticationToken":   denied,
	"OptInRequired":                denied,
	"NotAuthorized":                denied,
	"ExpiredTokenException":        expired,
	"ExpiredToken":                 expired,
	"RequestExpired":               expired,
	"DataAlreadyAcceptedException": repeated,
}

// classify decides by the error's code, and by the status where there is no known one.
func classify(err error) class {
	var coded smithy.APIError
	if errors.As(err, &coded) {
		if c, ok := classes[coded.ErrorCode()]; ok {
			return c
		}
	}
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		switch response.HTTPStatusCode() {
		case http.StatusRequestEntityTooLarge:
			return invalid
		case http.StatusTooManyRequests:
			return throttled
		case http.StatusUnauthorized, http.StatusForbidden:
			return denied
		}
	}
	return again
}
