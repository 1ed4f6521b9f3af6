package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/ingest"
)

// storeTime bounds how long the broker may take for all of a request.
const storeTime = time.Minute

// ingested is the answer to lines that were sent.
type ingested struct {
	Accepted   int         `json:"accepted"` // lines that are stored, also those of an earlier try
	Rejected   []rejection `json:"rejected"`
	Unlisted   int         `json:"unlisted,omitempty"`   // rejected lines beyond those that are listed
	Duplicates *int        `json:"duplicates,omitempty"` // accepted lines that were stored before
	After      string      `json:"after,omitempty"`      // the next Producer-After
}

// A rejection says why a line was not taken.
type rejection struct {
	Line  int    `json:"line"` // from 1
	Error string `json:"error"`
}

var errNoToken = &loglane.StatusError{
	Code:    http.StatusUnauthorized,
	Message: "Sending takes an API token with the scope write, as Authorization: Bearer TOKEN.",
}

// serveIngest stores the lines of a request's body, and answers once they are stored.
func (s *Server) serveIngest(w http.ResponseWriter, r *http.Request) {
	answer, err := s.ingest(w, r)
	// A writer without deadlines, such as a test's recorder, has nobody to wait for.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTime))
	var refused *loglane.RefusedError
	switch {
	case errors.As(err, &refused):
		writeRefusal(w, refused)
	case err != nil:
		s.writeError(w, err)
	default:
		writeJSON(w, http.StatusOK, answer)
	}
}

// writeRefusal tells a producer that lines are lost that it had been told were stored.
func writeRefusal(w http.ResponseWriter, refused *loglane.RefusedError) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusConflict)
	_ = json.NewEncoder(w).Encode(struct { // a caller that has gone needs no answer
		Error   string `json:"error"`
		Channel string `json:"channel"`
		After   uint64 `json:"after"`
	}{
		"The broker lost lines of this producer that it had acknowledged: send everything above number after again.",
		loglane.ContextOf(refused.Channel), refused.After,
	})
}

func (s *Server) ingest(w http.ResponseWriter, r *http.Request) (*ingested, error) {
	p, err := s.principal(r)
	switch {
	case err != nil:
		return nil, err
	case p == nil:
		return nil, errNoToken
	}
	pass, err := s.writable(p, r)
	if err != nil {
		return nil, err
	}
	sender, err := readProducer(r.Header)
	if err != nil {
		return nil, err
	}
	content, err := ingest.ParseContent(r.Header)
	if err != nil {
		return nil, err
	}
	if s.opts.Crowded != nil {
		if err := s.opts.Crowded(); err != nil {
			return nil, err
		}
	}
	if err := s.sending.mayBegin(p.Token, sender); err != nil {
		return nil, err
	}
	release, err := s.senders.admit(r.Context(), p.Token)
	if err != nil {
		return nil, err
	}
	defer release()
	held := s.memory.hold(p.Token)
	defer held.release()
	body, err := s.readBody(w, r, content, held)
	if err != nil {
		return nil, err
	}
	s.sending.read(p.Token, len(body))
	// A body may take its time: a token that was revoked meanwhile stores nothing.
	if p.Check != nil {
		if err := p.Check(r.Context()); err != nil {
			s.noteStranger(r, p.Way, err)
			return nil, err
		}
	}
	working, err := s.senders.work(r.Context(), p.Token)
	if err != nil {
		return nil, err
	}
	defer working()
	gathered, err := s.gather(r, p, pass, content, body)
	if err != nil {
		return nil, err
	}
	s.sending.gathered(p.Token, gathered.last)
	ctx, cancel := context.WithTimeout(r.Context(), storeTime)
	defer cancel()
	if err := s.sending.mayName(ctx, p.Token, gathered.passes, s.exists); err != nil {
		return nil, err
	}
	if sender == nil {
		return s.storeOnce(ctx, gathered)
	}
	return s.storeNumbered(ctx, p, sender, gathered)
}

// storeOnce stores the lines of a sender that cannot say whether it sends them again.
func (s *Server) storeOnce(ctx context.Context, g *gathered) (*ingested, error) {
	own := s.numbering.take()
	if err := s.newDelivery(own.producer, own.next, g.passes).send(ctx, g.lines); err != nil {
		return nil, err // a batch may still be on its way: no other number of this producer may overtake it
	}
	own.next += uint64(g.last)
	s.numbering.put(own)
	return g.answer(0, ""), nil
}

// storeNumbered stores the lines of a producer that counts them.
func (s *Server) storeNumbered(ctx context.Context, p *auth.Principal, sender *producer, g *gathered) (*ingested, error) {
	if err := sender.checkLast(g.last); err != nil {
		return nil, err
	}
	channel, err := g.only()
	if err != nil {
		return nil, err
	}
	if channel == "" { // no line is left, and none said where to
		return g.answer(0, sender.afterHeader()), nil
	}
	d := s.newDelivery(sender.brokerName(p.Token, channel), sender.seq, g.passes)
	d.claims(sender, channel)
	release, err := s.senders.turn(ctx, d.producer)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := d.send(ctx, g.lines); err != nil {
		return nil, err
	}
	return g.answer(d.duplicates, d.afterHeader()), nil
}
