//go:build pinned

// Package pinned names the program that go.mod and go.sum pin, for `go mod tidy`.
package pinned

import _ "github.com/summerwind/h2spec/cmd/h2spec"
