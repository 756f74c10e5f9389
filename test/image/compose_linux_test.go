package image

import (
	"bytes"
	"encoding/json"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// service is what the tests know of a service of compose.yaml.
type service struct {
	Image       string            `json:"image"`
	Build       *json.RawMessage  `json:"build"`
	Command     []string          `json:"command"`
	Environment map[string]string `json:"environment"`
	User        string            `json:"user"`
	ReadOnly    bool              `json:"read_only"`
	CapDrop     []string          `json:"cap_drop"`
	SecurityOpt []string          `json:"security_opt"`
	Networks    map[string]any    `json:"networks"`
	DependsOn   map[string]struct {
		Condition string `json:"condition"`
	} `json:"depends_on"`
	Ports []struct {
		HostIP    string `json:"host_ip"`
		Published string `json:"published"`
		Target    int    `json:"target"`
	} `json:"ports"`
	Healthcheck struct {
		Test []string `json:"test"`
	} `json:"healthcheck"`
	Deploy struct {
		Resources struct {
			Limits map[string]any `json:"limits"`
		} `json:"resources"`
	} `json:"deploy"`
}

// services reads compose.yaml as Compose itself does: against the schema of the specification,
// with variables and merges resolved.
func services(t *testing.T) map[string]service {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "tool", "-modfile=tools/go.mod", "github.com/compose-spec/compose-go/v2/cmd", "-format", "json", "compose.yaml")
	cmd.Dir = repository
	var faults bytes.Buffer
	cmd.Stderr = &faults
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("compose.yaml is not valid: %v\n%s", err, faults.String())
	}
	var project struct{ Services map[string]service }
	if err := json.Unmarshal(out, &project); err != nil {
		t.Fatal(err)
	}
	return project.Services
}

func TestComposePromises(t *testing.T) {
	all := services(t)
	want := []string{"backend", "frontend", "redis", "scheduler", "secrets", "worker"}
	if got := slices.Sorted(maps.Keys(all)); !slices.Equal(got, want) {
		t.Fatalf("the services are %v", got)
	}
	networks := map[string]bool{}
	for name, s := range all {
		for n := range s.Networks {
			networks[n] = true
		}
		if name == "secrets" {
			continue
		}
		limits := s.Deploy.Resources.Limits
		if !s.ReadOnly || s.User == "" || strings.HasPrefix(s.User, "0") || !slices.Contains(s.CapDrop, "ALL") ||
			!slices.Contains(s.SecurityOpt, "no-new-privileges:true") || limits["memory"] == nil || limits["cpus"] == nil || limits["pids"] == nil {
			t.Errorf("%s may do too much: %+v", name, s)
		}
		for variable := range s.Environment {
			if strings.Contains(variable, "PASSWORD") && !strings.HasSuffix(variable, "_FILE") || variable == "WINDLASS_ADMIN_TOKEN" {
				t.Errorf("%s is told a secret by the variable %s", name, variable)
			}
		}
		if len(s.Ports) > 0 && name != "frontend" {
			t.Errorf("%s is published at %+v", name, s.Ports)
		}
	}
	if len(networks) != 1 {
		t.Errorf("the networks are %v", networks)
	}
	if p := all["frontend"].Ports; len(p) != 1 || p[0].Target != 8000 || p[0].Published != "8000" || p[0].HostIP != "127.0.0.1" {
		t.Errorf("the frontend is published at %+v", p)
	}
	command := strings.Join(all["redis"].Command, " ")
	if !strings.Contains(command, "--maxmemory-policy noeviction") || !strings.Contains(command, "--appendonly yes") {
		t.Errorf("redis is started as %s", command)
	}
}
