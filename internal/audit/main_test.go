package audit_test

import (
	"testing"

	"github.com/loglane/loglane/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
