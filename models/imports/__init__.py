"""Imports: tables that other tools measured, read into rows and put into a profile."""
