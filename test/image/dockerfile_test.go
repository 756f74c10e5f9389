package image

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// instruction is one line of a Dockerfile with its continuations.
type instruction struct {
	word  string            // FROM, RUN, ...
	flags map[string]string // --from=page; of several alike, all values by spaces
	args  string            // the rest as it stands
}

// stage is a FROM and what follows it.
type stage struct {
	name, base   string
	instructions []instruction
}

// parseDockerfile reads what our Dockerfile is made of. Whatever it does not know is an error, so
// that nothing is left out in silence.
func parseDockerfile(name string) (global []instruction, stages []stage, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, err
	}
	for _, line := range logicalLines(string(text)) {
		i, err := parseInstruction(line)
		switch {
		case err != nil:
			return nil, nil, err
		case i.word == "FROM":
			base, alias, _ := strings.Cut(i.args, " AS ")
			stages = append(stages, stage{name: alias, base: base})
		case len(stages) == 0:
			global = append(global, i)
		default:
			last := &stages[len(stages)-1]
			last.instructions = append(last.instructions, i)
		}
	}
	return global, stages, nil
}

// logicalLines joins continued lines and leaves comments out.
func logicalLines(text string) []string {
	var all []string
	var open strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if part, continued := strings.CutSuffix(line, `\`); continued {
			open.WriteString(part)
			continue
		}
		all = append(all, open.String()+line)
		open.Reset()
	}
	return all
}

func parseInstruction(line string) (instruction, error) {
	word, rest, _ := strings.Cut(line, " ")
	i := instruction{word: word, flags: map[string]string{}}
	for rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "--"); rest = strings.TrimSpace(rest) {
		var flag string
		flag, rest, _ = strings.Cut(rest, " ")
		name, value, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		i.flags[name] = strings.TrimSpace(i.flags[name] + " " + value)
	}
	i.args = rest
	switch word {
	case "ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "LABEL":
		return i, nil
	}
	return i, fmt.Errorf("the test does not know %s", line)
}

// pairs reads NAME=value NAME="value" as ARG, ENV and LABEL have them. NAME alone has no value.
func (i instruction) pairs(expand func(string) string) map[string]string {
	all := map[string]string{}
	for rest := strings.TrimSpace(i.args); rest != ""; rest = strings.TrimSpace(rest) {
		name, after, _ := strings.Cut(rest, "=")
		if space := strings.IndexByte(rest, ' '); space >= 0 && space < len(name) {
			rest = rest[space:] // a name alone
			continue
		}
		if quoted, isQuoted := strings.CutPrefix(after, `"`); isQuoted {
			value, left, _ := strings.Cut(quoted, `"`)
			all[name], rest = expand(value), left
			continue
		}
		value, left, _ := strings.Cut(after, " ")
		all[name], rest = expand(value), left
	}
	return all
}

// list reads ["/windlass", "healthcheck"].
func (i instruction) list() ([]string, error) {
	var words []string
	text := strings.TrimPrefix(i.args, "CMD ")
	if err := json.Unmarshal([]byte(text), &words); err != nil {
		return nil, fmt.Errorf("%s %s is not a list of words: %w", i.word, i.args, err)
	}
	return words, nil
}
