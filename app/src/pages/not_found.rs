//! Every unknown address.

use leptos::prelude::*;

use crate::AppError;
use crate::pages::frame::{Main, TopBar};
use crate::pages::loaded::Failure;
use crate::ui::Title;

#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! {
        <Title text="Not found" />
        <TopBar />
        <Main>
            <Failure error=AppError::NotFound is_page=true />
        </Main>
    }
}
