//! The pages that customers come back to from Stripe, and what staff see of a checkout, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use super::model::Checkout;
use crate::seller::Seller;
use crate::web::Times;
use crate::web::parts::Fact;

/// After Stripe's page.
#[derive(Template, WebTemplate)]
#[template(path = "orders/came_back.html")]
pub struct CameBack {
    pub title: &'static str,
    pub text: &'static str,
    pub seller: String,
    /// How to reach the seller; may be empty.
    pub contact: String,
}

impl CameBack {
    /// They say that they paid; Stripe's events will tell.
    pub fn paid(seller: Seller) -> Self {
        Self::new("Thank you", "As soon as your payment has arrived, your order is on its way.", seller)
    }

    /// They turned back.
    pub fn turned_back(seller: Seller) -> Self {
        Self::new("You left the payment page", "If you have not paid, you can go back to it for a day.", seller)
    }

    fn new(title: &'static str, text: &'static str, seller: Seller) -> Self {
        let contact = [&seller.email, &seller.phone].into_iter().flatten().cloned().collect::<Vec<_>>().join(" · ");
        Self { title, text, seller: seller.profile.name, contact }
    }
}

/// What the page of an order shows of its checkout. The link is there while somebody can pay.
pub fn facts(checkout: &Checkout, is_payable: bool, times: Times) -> Vec<Fact> {
    let is_open = is_payable && checkout.expires_at.is_some_and(|at| times.now < at);
    let mut facts = Vec::new();
    match &checkout.session_id {
        Some(session) => facts.push(Fact::code("Session", session.clone())),
        None => facts.push(Fact::text("Session", "None was opened yet")),
    }
    if let (true, Some(url)) = (is_open, &checkout.url) {
        facts.push(Fact::text("Page to pay on", "Open it at Stripe").at(url.clone()));
    }
    // Of an order that needs no page any more, a time that lies ahead says nothing.
    let ends = checkout.expires_at.filter(|at| is_open || *at <= times.now);
    facts.extend(ends.map(|at| Fact::text(if is_open { "Open until" } else { "Was open until" }, times.exact(at).text)));
    if checkout.attempt > 1 {
        facts.push(Fact::text("Asked for", format!("{} times", checkout.attempt)));
    }
    facts.extend(checkout.last_error.iter().map(|why| Fact::text("Stripe said", why.clone())));
    facts
}
