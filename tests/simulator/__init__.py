"""Tests of the doubles: each trap that they set is one fact proven here."""
