package auth_test

import (
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

func Example() {
	folder, err := os.MkdirTemp("", "loglane")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	file := auth.UsersFile{Path: filepath.Join(folder, "users"), Template: loglane.DefaultTemplate}
	if err := file.Add("alice", auth.Viewer, "correct horse"); err != nil {
		log.Fatal(err)
	}

	users, err := auth.OpenUsers(file.Path, loglane.DefaultTemplate, nil)
	if err != nil {
		log.Fatal(err)
	}
	login, err := auth.NewLogin(auth.LoginOptions{
		Users:    users,
		Sessions: auth.NewMemorySessions(),
		Notices:  auth.NewMemoryNotices(),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer login.Close()

	w := httptest.NewRecorder()
	if _, err := login.SignIn(w, httptest.NewRequest("POST", "https://logs.example.com/login", nil), "alice", "correct horse"); err != nil {
		log.Fatal(err)
	}

	r := httptest.NewRequest("GET", "https://logs.example.com/api/v1/me", nil)
	r.AddCookie(w.Result().Cookies()[0])
	principal, err := login.Authenticate(r)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(principal.Name, principal.Role, principal.Channel)
	fmt.Println(principal.Authorize("logs:User.alice", auth.Read))
	fmt.Println(principal.Authorize("logs:User.bob", auth.Read))
	// Output:
	// alice viewer logs:User.alice
	// <nil>
	// You may not see this channel.
}
