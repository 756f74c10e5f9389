package image

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// repository is where Dockerfile and compose.yaml are.
const repository = "../.."

// built is a stage that was built.
type built struct {
	root    string // its files; of a stage with a base image, only what it changed
	scratch bool
	env     map[string]string
	workdir string
	user    string
	labels  map[string]string

	entrypoint, healthcheck []string
}

// builder does what an engine does with a Dockerfile, for one platform.
type builder struct {
	t       *testing.T
	dir     string            // on a file system of its own
	context string            // what .dockerignore leaves
	args    map[string]string // --build-arg and what the engine adds
	caches  map[string]string // what stands for --mount=type=cache, by target
	stages  map[string]*built
}

// stagesDone are those that another test, or another platform, built already.
var stagesDone = map[string]*built{}

// build gives the last stage.
func build(t *testing.T, arch string) *built {
	t.Helper()
	dir := os.Getenv(insideVariable)
	if len(stagesDone) == 0 {
		// Not below the root that overlays are made of.
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"); err != nil {
			t.Fatalf("mount a file system for the stages: %v", err)
		}
	}
	global, stages, err := parseDockerfile(filepath.Join(repository, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	b := &builder{t: t, dir: dir, stages: map[string]*built{}, args: map[string]string{
		"BUILDPLATFORM": "linux/amd64", "TARGETOS": "linux", "TARGETARCH": arch, "VERSION": "test", "REVISION": "0123abc",
	}}
	b.caches = map[string]string{
		"/go/pkg/mod": b.output("go", "env", "GOMODCACHE"), "/root/.cache/go-build": b.output("go", "env", "GOCACHE"),
		"/root/.npm": b.output("npm", "config", "get", "cache"),
	}
	b.context = filepath.Join(b.dir, "context")
	if len(stagesDone) == 0 {
		b.readContext()
	}
	names := map[string]string{}
	for _, i := range global {
		maps.Copy(names, i.pairs(os.ExpandEnv))
	}
	var last *built
	for _, s := range stages {
		name := s.name // of the page, which is the same for every platform
		if s.name != "page" {
			name += arch
		}
		base := os.Expand(s.base, func(name string) string { return names[name] })
		if stagesDone[name] == nil {
			stagesDone[name] = b.stage(name, s, base)
		}
		last = stagesDone[name]
		b.stages[s.name] = last
	}
	return last
}

// folder is one that every user may look into, unlike the test's own.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// readContext copies what .dockerignore leaves of the working tree.
func (b *builder) readContext() {
	file, err := os.Open(filepath.Join(repository, ".dockerignore"))
	b.must("open .dockerignore", err)
	defer func() { _ = file.Close() }()
	patterns, err := ignorefile.ReadAll(file)
	b.must("read .dockerignore", err)
	matcher, err := patternmatcher.New(patterns)
	b.must("read .dockerignore", err)
	b.must("read the context", filepath.WalkDir(repository, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(repository, path)
		if err != nil || rel == "." {
			return err
		}
		ignored, err := matcher.MatchesOrParentMatches(rel)
		if d.IsDir() {
			if ignored && (d.Name() == "node_modules" || !strings.Contains(rel, "/") && !strings.Contains(strings.Join(patterns, "\n"), "!"+rel)) {
				return fs.SkipDir // nothing below it comes back
			}
			return err
		}
		if err != nil || ignored {
			return err
		}
		b.copy(path, filepath.Join(b.context, rel))
		return nil
	}))
}

func (b *builder) stage(name string, s stage, base string) *built {
	b.t.Helper()
	out := &built{root: filepath.Join(b.dir, name, "root"), scratch: base == "scratch", env: map[string]string{}, workdir: "/"}
	b.must("make a stage", os.MkdirAll(out.root, 0o755))
	scope := map[string]string{} // ARGs and ENVs that the stage has said
	expand := func(text string) string { return os.Expand(text, func(n string) string { return scope[n] }) }
	for _, i := range s.instructions {
		switch i.word {
		case "ARG":
			maps.Copy(scope, i.pairs(expand))
			for word := range strings.FieldsSeq(i.args) {
				n, _, _ := strings.Cut(word, "=")
				if given, ok := b.args[n]; ok {
					scope[n] = given
				}
			}
		case "ENV":
			maps.Copy(out.env, i.pairs(expand))
			maps.Copy(scope, out.env)
		case "WORKDIR":
			out.workdir = i.args
			b.must("make the folder to work in", os.MkdirAll(filepath.Join(out.root, i.args), 0o755))
		case "COPY":
			b.copyInto(out, i)
		case "RUN":
			b.run(out, i, scope, name)
		case "USER":
			out.user = i.args
		case "LABEL":
			out.labels = i.pairs(expand)
		case "ENTRYPOINT", "HEALTHCHECK":
			words, err := i.list()
			b.must("read "+i.word, err)
			if i.word == "ENTRYPOINT" {
				out.entrypoint = words
			} else {
				out.healthcheck = words
			}
		}
	}
	return out
}

// copyInto does COPY: a folder's content goes into the target, a file is named as the target
// or goes into it if that ends in a slash.
func (b *builder) copyInto(s *built, i instruction) {
	words := strings.Fields(i.args)
	sources, target := words[:len(words)-1], words[len(words)-1]
	into := strings.HasSuffix(target, "/") || len(sources) > 1
	if !filepath.IsAbs(target) {
		target = filepath.Join(s.workdir, target)
	}
	target = filepath.Join(s.root, target)
	for _, source := range sources {
		from := filepath.Join(b.context, source)
		if name, ok := i.flags["from"]; ok {
			from = filepath.Join(b.stages[name].root, source)
			if _, err := os.Lstat(from); err != nil && !b.stages[name].scratch {
				from = source // from its base image
			}
		}
		info, err := os.Stat(from)
		b.must("COPY "+i.args, err)
		to := target
		if into && !info.IsDir() {
			to = filepath.Join(target, filepath.Base(source))
		}
		b.copy(from, to)
		if owner := i.flags["chown"]; owner != "" {
			b.output("chown", "-R", owner, to)
		}
	}
}

// copy copies a file, or what is in a folder.
func (b *builder) copy(from, to string) {
	b.must("make a folder", os.MkdirAll(filepath.Dir(to), 0o755))
	if info, err := os.Stat(from); err == nil && info.IsDir() {
		b.must("make a folder", os.MkdirAll(to, 0o755))
		from += "/."
	}
	b.output("cp", "-LR", "--preserve=mode", from, to)
}

// run does RUN: the command as it stands, on this machine's files with the stage's own over them.
func (b *builder) run(s *built, i instruction, scope map[string]string, name string) {
	b.t.Helper()
	if s.scratch {
		b.t.Fatalf("RUN %s: there is nothing to run it in", i.args)
	}
	merged, work := filepath.Join(b.dir, name, "merged"), filepath.Join(b.dir, name, "work")
	b.must("make a mount point", os.MkdirAll(merged, 0o755))
	b.must("make a folder for the overlay", os.MkdirAll(work, 0o755))
	b.must("lay the stage over this machine", syscall.Mount("overlay", merged, "overlay", 0, fmt.Sprintf("lowerdir=/,upperdir=%s,workdir=%s", s.root, work)))
	mounts := []string{merged}
	bind := func(from, to string) {
		to = filepath.Join(merged, to)
		b.must("make a mount point", os.MkdirAll(to, 0o755))
		b.must("mount "+to, syscall.Mount(from, to, "", syscall.MS_BIND|syscall.MS_REC, ""))
		mounts = append(mounts, to)
	}
	defer func() {
		for n := range mounts {
			b.must("unmount", syscall.Unmount(mounts[len(mounts)-1-n], syscall.MNT_DETACH))
		}
	}()
	bind("/proc", "/proc")
	bind("/dev", "/dev")
	for mount := range strings.FieldsSeq(i.flags["mount"]) {
		_, target, _ := strings.Cut(mount, "target=")
		if !strings.HasPrefix(mount, "type=cache,") || b.caches[target] == "" {
			b.t.Fatalf("the test does not know --mount=%s", mount)
		}
		b.must("make a cache", os.MkdirAll(b.caches[target], 0o755))
		bind(b.caches[target], target)
	}
	cmd := exec.CommandContext(b.t.Context(), "/bin/sh", "-c", i.args)
	cmd.Dir, cmd.SysProcAttr = s.workdir, &syscall.SysProcAttr{Chroot: merged}
	cmd.Env = append(os.Environ(), "HOME=/root", "GOPATH=/go", "GOMODCACHE=/go/pkg/mod", "GOCACHE=/root/.cache/go-build", "TMPDIR=/tmp")
	for n, v := range scope {
		cmd.Env = append(cmd.Env, n+"="+v)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("RUN %s: %v\n%s", i.args, err, out)
	}
}

// output runs a command and gives what it says.
func (b *builder) output(name string, args ...string) string {
	b.t.Helper()
	out, err := exec.CommandContext(b.t.Context(), name, args...).Output()
	if err != nil {
		b.t.Fatalf("%s %v: %v", name, args, err)
	}
	return strings.TrimSpace(string(out))
}

func (b *builder) must(what string, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}
