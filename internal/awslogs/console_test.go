package awslogs

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestConsoleURL(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 1, 31, 12, 0, 0, 5e6, time.UTC)
	const query = "fields @timestamp, msg\n| filter task_id = \"tsk_1_a-b\"\n| limit 5"
	got := consoleURL("eu-central-1", "/windlass/prod", query, from, from.Add(time.Hour))
	const want = "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#logsV2:logs-insights$3FqueryDetail$3D" +
		"$257E$2528end$257E$25272026-01-31T13*3a00*3a00.005Z$257Estart$257E$25272026-01-31T12*3a00*3a00.005Z" +
		"$257EtimeType$257E$2527ABSOLUTE$257Etz$257E$2527UTC" +
		"$257EeditorString$257E$2527fields*20*40timestamp*2c*20msg*0a*7c*20filter*20task_id*20*3d*20*22tsk_1_a-b*22*0a*7c*20limit*205" +
		"$257Esource$257E$2528$257E$2527*2fwindlass*2fprod$2529$2529"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	// Decoded as the console does, the query is there again.
	_, state, _ := strings.Cut(got, "$3FqueryDetail$3D")
	for range 2 {
		var err error
		if state, err = url.PathUnescape(strings.ReplaceAll(state, "$", "%")); err != nil {
			t.Fatal(err)
		}
	}
	_, text, _ := strings.Cut(state, "~editorString~'")
	text, _, _ = strings.Cut(text, "~")
	if text, _ = url.PathUnescape(strings.ReplaceAll(text, "*", "%")); text != query {
		t.Errorf("the query came to %q", text)
	}

	for region, host := range map[string]string{"cn-north-1": "console.amazonaws.cn", "us-gov-west-1": "console.amazonaws-us-gov.com"} {
		if got := consoleURL(region, "g", "q", from, from); !strings.HasPrefix(got, "https://"+region+"."+host+"/") {
			t.Errorf("%s: got %s", region, got)
		}
	}
}
