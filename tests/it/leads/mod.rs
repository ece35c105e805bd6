//! From the form to the CRM.

mod defence;
mod delivery;
mod hostile;
mod intake;
mod labelled;
mod look_ups;
mod outage;
