package loglane_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/loglane/loglane"
)

// A firstByte does something once the first byte of an answer is written.
type firstByte struct {
	*httptest.ResponseRecorder
	then func()
}

func (w *firstByte) Write(b []byte) (int, error) {
	n, err := w.ResponseRecorder.Write(b)
	if then := w.then; then != nil {
		w.then = nil
		then()
	}
	return n, err
}

// Whoever has the first byte of a stream of new lines is there: what is published from then
// on is shown.
func TestNewLinesAreThoseAfterTheFirstByte(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("before")
		w := &firstByte{ResponseRecorder: httptest.NewRecorder(), then: func() { s.append("after") }}
		handler := s.hub.Stream(func(*http.Request) (loglane.Grant, error) { return s.grant, nil }, nil)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/?backlog=0", nil))
		}()
		synctest.Wait()
		cancel()
		<-ended
		if got := w.Body.String(); !strings.Contains(got, "after") || strings.Contains(got, "before") {
			t.Errorf("the stream is %q", got)
		}
	})
}
