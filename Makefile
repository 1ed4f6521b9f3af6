# The two commands of the README are `go run ./cmd/loglane demo` and `make test`.

.PHONY: test setup check go web browser chaos limits fuzz vuln

# Everything that CI runs; installs what is missing where it may.
test: setup check go web browser chaos limits fuzz vuln

# Names what is missing and ends with 2 where it cannot be installed.
setup:
	@ci/setup.sh

# Formatting, vet and staticcheck.
check:
	@ci/check.sh

# Go tests, with the race detector and without; they need no Node.
go:
	@ci/gotest.sh

# Types, lint, unit tests, and web/dist as the sources make it.
web:
	@ci/web.sh

# The built program over a real Redis in Chromium.
browser:
	@ci/browser.sh

# Faults and whether the promise holds: CHAOS=long takes the sizes of docs/reliability.md.
chaos:
	@ci/chaos.sh $(or $(CHAOS),short)

# The rest of the faults: logins that end while their streams are open, floods of logins, viewers and
# lines, gateways restarted, and the page in Chromium.
limits:
	@ci/chaos.sh limits

# Each fuzz target for FUZZTIME (20000x: so many inputs).
fuzz:
	@ci/fuzz.sh

# Known vulnerabilities, where their database can be reached.
vuln:
	@ci/vuln.sh
