"""Drills for an interview: a bug to be diagnosed from its symptoms, and a chain rule to be done on a whiteboard."""
