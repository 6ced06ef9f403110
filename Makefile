# The commands of this project; CI runs these and nothing else. Each is a script in tools/.
# Variables: PORT=8000 (cats), PYTHON=python3 (what .venv is made from), T=text (test: only tests
# whose name holds it).
export PORT PYTHON

.PHONY: cats test test-fast check fmt bench build clean

cats:       ## install what is missing, build, serve examples/catserve on http://localhost:8000
	@tools/cats

test:       ## the same set-up, then every test
	@tools/test $(T)

test-fast:  ## native unit tests and the quick Python ones
	@tools/test --fast $(T)

check:      ## format, lint, types, layers: everything that CI refuses
	@tools/check

fmt:        ## rewrite the sources in our format
	@tools/fmt

bench:      ## mewsgi and its peers on one application (installs the peers)
	@tools/bench

build:      ## the release build, installed into .venv
	@tools/setup cats
	@tools/install

clean:      ## forget every build; .venv stays
	@rm -rf build
