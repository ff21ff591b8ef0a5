package docs_test

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
)

// addresses are how `giro dev` tells where it listens.
var addresses = regexp.MustCompile(`(?s)(nats://\S+).*http://(\S+) `)

// startDev runs `giro dev` on free ports until the test ends, and returns its URL for NATS and its address for HTTP.
func startDev(t *testing.T, giro string) (nats, http string) {
	t.Helper()
	cmd := exec.Command(giro, "dev", "--data", t.TempDir(), "--nats", "127.0.0.1:0", "--http", "127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("giro dev: %v", err)
		}
	})
	said := ""
	for scanner := bufio.NewScanner(stderr); scanner.Scan(); {
		said += scanner.Text() + "\n"
		if found := addresses.FindStringSubmatch(said); found != nil {
			go drain(scanner)
			return found[1], found[2]
		}
	}
	t.Fatalf("giro dev has ended:\n%s", said)
	return "", ""
}

// drain lets a process go on that would wait for somebody to read what it says.
func drain(s *bufio.Scanner) {
	for s.Scan() {
	}
}

// build compiles a command of the module in dir into bin, and returns its file. What is up to date
// there is not linked again.
func build(t *testing.T, dir, name, pkg string) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("../bin", name))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", file, pkg)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return file
}
