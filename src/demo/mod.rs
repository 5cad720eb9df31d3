//! The embedded oscilloscope service that scenarios can be tried on.
