//go:build !linux

package main

import "time"

// alarm is as exact as Go's timers: up to a millisecond late.
type alarm struct{}

func newAlarm() (*alarm, error) { return &alarm{}, nil }

func (a *alarm) wait(d time.Duration) { <-time.After(d) }

func (a *alarm) close() {}
