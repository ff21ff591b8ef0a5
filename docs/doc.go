// Package docs holds the pages for users, and the tests that compare them with the code.
package docs
