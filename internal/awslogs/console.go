package awslogs

import (
	"fmt"
	"strings"
	"time"
)

// ConsoleURL gives the address of CloudWatch's console with a Logs Insights query of the log
// group over a stretch of time. It is empty until the region is known, which is when the first
// line is shipped.
func (s *Shipper) ConsoleURL(query string, from, to time.Time) string {
	region := s.sender.client.region.Load()
	if region == nil {
		return ""
	}
	return consoleURL(*region, s.sender.client.group, query, from, to)
}

// The console writes its state behind the # as JSURL, with * for the % of texts, then encodes
// what surrounds them as a URL twice, with $ for %. AWS documents none of it: this is how the
// console itself writes the address of a query.
var consoleEscape = strings.NewReplacer("~", "$257E", "(", "$2528", ")", "$2529", "'", "$2527")

func consoleURL(region, group, query string, from, to time.Time) string {
	const form = "2006-01-02T15:04:05.000Z"
	state := fmt.Sprintf("~(end~'%s~start~'%s~timeType~'ABSOLUTE~tz~'UTC~editorString~'%s~source~(~'%s))",
		consoleText(to.UTC().Format(form)), consoleText(from.UTC().Format(form)), consoleText(query), consoleText(group))
	return fmt.Sprintf("https://%s.%s/cloudwatch/home?region=%s#logsV2:logs-insights$3FqueryDetail$3D%s",
		region, consoleHost(region), region, consoleEscape.Replace(state))
}

// consoleHost is the console of the partition that the region belongs to.
func consoleHost(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "console.amazonaws.cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "console.amazonaws-us-gov.com"
	default:
		return "console.aws.amazon.com"
	}
}

// consoleText escapes all bytes of a text but letters, digits and a few signs.
func consoleText(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "*%02x", c)
		}
	}
	return b.String()
}
