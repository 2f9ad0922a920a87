"""Invented staff and patients for a first look at the product; refused under production settings."""
