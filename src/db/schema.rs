//! The tables, as Diesel sees them: one text for both engines. A test compares it with what the migrations make.

diesel::table! {
    write_batches (id) {
        id -> Text,
        committed_at -> Timestamp,
    }
}

diesel::table! {
    users (id) {
        id -> BigInt,
        email -> Text,
        email_key -> Text,
        name -> Text,
        role -> Text,
        password_hash -> Text,
        password_changed_at -> Timestamp,
        created_at -> Timestamp,
        disabled_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    sessions (id) {
        id -> BigInt,
        token_hash -> Text,
        user_id -> BigInt,
        created_at -> Timestamp,
        seen_at -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    events (id) {
        id -> BigInt,
        line_id -> Text,
        source -> Text,
        source_event_id -> Text,
        kind -> Text,
        subject -> Text,
        occurred_at -> Timestamp,
        recorded_at -> Timestamp,
        data -> Text,
    }
}

diesel::table! {
    audit (id) {
        id -> BigInt,
        at -> Timestamp,
        actor -> Text,
        action -> Text,
        subject -> Text,
        line_id -> Nullable<Text>,
        reason -> Nullable<Text>,
        before -> Nullable<Text>,
        after -> Nullable<Text>,
        address -> Nullable<Text>,
        seal_seq -> Nullable<BigInt>,
        seal -> Nullable<Text>,
        commitments -> Nullable<Text>,
        salts -> Nullable<Text>,
    }
}

diesel::table! {
    audit_chain (id) {
        id -> BigInt,
        last_seq -> BigInt,
        last_seal -> Text,
        sealed_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    processes (id) {
        id -> Text,
        role -> Text,
        version -> Text,
        host -> Text,
        started_at -> Timestamp,
        heartbeat_at -> Timestamp,
        clock_ahead_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    jobs (id) {
        id -> BigInt,
        kind -> Text,
        lane -> Text,
        state -> Text,
        payload -> Text,
        line_id -> Text,
        subject -> Text,
        connection -> Nullable<Text>,
        unique_key -> Nullable<Text>,
        repeatable -> Bool,
        run_at -> Timestamp,
        attempts -> BigInt,
        attempts_max -> BigInt,
        provider_failures -> BigInt,
        lease_token -> Nullable<BigInt>,
        leased_by -> Nullable<Text>,
        waits_for -> Nullable<Text>,
        last_class -> Nullable<Text>,
        last_error -> Nullable<Text>,
        last_failed_at -> Nullable<Timestamp>,
        note -> Nullable<Text>,
        created_at -> Timestamp,
        due_since -> Timestamp,
        started_at -> Nullable<Timestamp>,
        finished_at -> Nullable<Timestamp>,
        updated_at -> Timestamp,
        order_key -> Nullable<Text>,
        order_place -> Nullable<BigInt>,
        run_again -> Bool,
        batch_limit -> Nullable<BigInt>,
    }
}

diesel::table! {
    order_keys (order_key) {
        order_key -> Text,
        changed_at -> Timestamp,
        lifted_to -> Nullable<Text>,
        lifted_until -> Nullable<BigInt>,
    }
}

diesel::table! {
    job_probes (job_id) {
        job_id -> BigInt,
        probe_at -> Timestamp,
        probes -> BigInt,
    }
}

diesel::table! {
    job_progress (job_id) {
        job_id -> BigInt,
        done -> BigInt,
        total -> Nullable<BigInt>,
        message -> Nullable<Text>,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    pauses (id) {
        id -> BigInt,
        scope -> Text,
        name -> Text,
        reason -> Nullable<Text>,
        paused_by -> Text,
        paused_at -> Timestamp,
        until -> Nullable<Timestamp>,
    }
}

diesel::table! {
    call_usage (connection, window_s, bucket_at) {
        connection -> Text,
        window_s -> BigInt,
        bucket_at -> Timestamp,
        calls -> BigInt,
    }
}

diesel::table! {
    call_reservations (id) {
        id -> BigInt,
        connection -> Text,
        process_id -> Text,
        calls -> BigInt,
        reserved_at -> Timestamp,
    }
}

diesel::table! {
    job_attempts (id) {
        id -> BigInt,
        job_id -> BigInt,
        line_id -> Text,
        attempt -> BigInt,
        process_id -> Text,
        started_at -> Timestamp,
        finished_at -> Timestamp,
        outcome -> Text,
        class -> Nullable<Text>,
        message -> Nullable<Text>,
        provider -> Nullable<Text>,
        provider_call -> Nullable<Text>,
        provider_status -> Nullable<BigInt>,
        provider_ms -> Nullable<BigInt>,
        provider_request_id -> Nullable<Text>,
        request -> Nullable<Text>,
        response -> Nullable<Text>,
        calls -> Nullable<Text>,
    }
}

diesel::table! {
    schedule_runs (id) {
        id -> BigInt,
        schedule -> Text,
        due_at -> Timestamp,
        decided_at -> Timestamp,
        decided_by -> Text,
        job_id -> Nullable<BigInt>,
        outcome -> Text,
        actor -> Nullable<Text>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    saved_filters (id) {
        id -> BigInt,
        user_id -> BigInt,
        list -> Text,
        name -> Text,
        query -> Text,
        is_shared -> Bool,
        created_at -> Timestamp,
    }
}

diesel::table! {
    bulk_operations (id) {
        id -> BigInt,
        line_id -> Text,
        subject -> Text,
        act -> Text,
        filter -> Text,
        reason -> Nullable<Text>,
        started_by -> Text,
        state -> Text,
        job_id -> Nullable<BigInt>,
        id_max -> BigInt,
        total -> BigInt,
        is_total_floor -> Bool,
        place -> Nullable<Text>,
        done -> BigInt,
        skipped -> BigInt,
        refused -> BigInt,
        reasons -> Text,
        cancelled_by -> Nullable<Text>,
        last_error -> Nullable<Text>,
        created_at -> Timestamp,
        started_at -> Nullable<Timestamp>,
        finished_at -> Nullable<Timestamp>,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    schedules (name) {
        name -> Text,
        since -> Timestamp,
        changed_at -> Timestamp,
        paused_at -> Nullable<Timestamp>,
        paused_by -> Nullable<Text>,
        paused_until -> Nullable<Timestamp>,
        pause_reason -> Nullable<Text>,
    }
}

diesel::table! {
    encryption_keys (id) {
        id -> Text,
        check_sealed -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    connections (id) {
        id -> BigInt,
        provider -> Text,
        state -> Text,
        state_reason -> Nullable<Text>,
        accounts_url -> Text,
        api_url -> Text,
        client_id -> Text,
        client_secret_sealed -> Text,
        refresh_token_sealed -> Text,
        access_token_sealed -> Nullable<Text>,
        access_expires_at -> Nullable<Timestamp>,
        refreshing_until -> Nullable<Timestamp>,
        refreshing_by -> Nullable<Text>,
        external_field -> Nullable<Text>,
        connected_at -> Timestamp,
        connected_by -> Text,
        failures_in_a_row -> BigInt,
        blocked_until -> Nullable<Timestamp>,
        blocked_reason -> Nullable<Text>,
        probe_backoff_s -> BigInt,
        last_success_at -> Nullable<Timestamp>,
        last_error -> Nullable<Text>,
        last_error_at -> Nullable<Timestamp>,
        updated_at -> Timestamp,
        organisation_id -> Nullable<Text>,
        organisation_name -> Nullable<Text>,
        scopes -> Nullable<Text>,
        calls_per_day -> Nullable<BigInt>,
    }
}

diesel::table! {
    oauth_states (id) {
        id -> BigInt,
        provider -> Text,
        state_hash -> Text,
        session_id -> BigInt,
        accounts_url -> Text,
        client_id -> Text,
        client_secret_sealed -> Text,
        move_to -> Nullable<Text>,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    crm_fields (connection_id) {
        connection_id -> BigInt,
        fields -> Text,
        read_at -> Timestamp,
    }
}

diesel::table! {
    field_mappings (provider) {
        provider -> Text,
        mapping -> Text,
        saved_at -> Timestamp,
        saved_by -> Text,
    }
}

diesel::table! {
    token_refreshes (id) {
        id -> BigInt,
        connection_id -> BigInt,
        at -> Timestamp,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    leads (id) {
        id -> BigInt,
        line_id -> Text,
        status_token_hash -> Text,
        kind -> Text,
        source -> Text,
        name -> Text,
        email -> Nullable<Text>,
        email_key -> Nullable<Text>,
        phone -> Nullable<Text>,
        phone_e164 -> Nullable<Text>,
        company -> Nullable<Text>,
        message -> Nullable<Text>,
        items -> Text,
        utm -> Text,
        page_url -> Nullable<Text>,
        consent_given -> Nullable<Bool>,
        consent_wording -> Nullable<Text>,
        conversation_id -> Nullable<Text>,
        transcript -> Nullable<Text>,
        extra -> Text,
        status -> Text,
        retry_count -> BigInt,
        last_error -> Nullable<Text>,
        processed_at -> Nullable<Timestamp>,
        zoho_lead_id -> Nullable<Text>,
        provider_response -> Nullable<Text>,
        received_at -> Timestamp,
        updated_at -> Timestamp,
        consent_version -> Nullable<Text>,
        language -> Nullable<Text>,
    }
}

diesel::table! {
    suspicions (lead_id) {
        lead_id -> BigInt,
        score -> BigInt,
        reasons -> Text,
        noted_at -> Timestamp,
    }
}

diesel::table! {
    idempotency_answers (route, key_hash) {
        route -> Text,
        key_hash -> Text,
        body_hash -> Text,
        status -> BigInt,
        answer -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    seller (id) {
        id -> BigInt,
        name -> Text,
        zone -> Text,
        currency -> Text,
        languages -> Text,
        privacy_url -> Nullable<Text>,
        staff_emails -> Text,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        postal_address -> Nullable<Text>,
        version -> BigInt,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    seller_logo (id) {
        id -> BigInt,
        digest -> Text,
        kind -> Text,
        width_px -> BigInt,
        height_px -> BigInt,
        content -> Binary,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    consent_wordings (id) {
        id -> BigInt,
        language -> Text,
        version -> BigInt,
        wording -> Text,
        created_at -> Timestamp,
        created_by -> Text,
    }
}

diesel::table! {
    mails (id) {
        id -> BigInt,
        message_key -> Text,
        purpose -> Text,
        reader -> Text,
        line_id -> Text,
        subject -> Text,
        to_name -> Nullable<Text>,
        to_address -> Text,
        reply_name -> Nullable<Text>,
        reply_address -> Nullable<Text>,
        letter -> Text,
        created_at -> Timestamp,
        sent_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    mail_choices (user_id) {
        user_id -> BigInt,
        new_leads -> Text,
        daily_at -> Text,
        since -> Timestamp,
    }
}

diesel::table! {
    lead_news (id) {
        id -> BigInt,
        lead_id -> BigInt,
        noted_at -> Timestamp,
    }
}

diesel::table! {
    news_readers (reader) {
        reader -> Text,
        told_up_to -> BigInt,
        held_until -> Nullable<Timestamp>,
        daily_until -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    reply_settings (id) {
        id -> BigInt,
        is_on -> Bool,
        changed_at -> Timestamp,
    }
}

diesel::table! {
    reply_texts (language) {
        language -> Text,
        subject -> Text,
        body -> Text,
    }
}

diesel::table! {
    replied_addresses (address_hash) {
        address_hash -> Text,
        replied_at -> Timestamp,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    write_batches,
    users,
    sessions,
    events,
    audit,
    audit_chain,
    processes,
    jobs,
    order_keys,
    job_probes,
    job_progress,
    pauses,
    call_usage,
    call_reservations,
    job_attempts,
    schedule_runs,
    bulk_operations,
    saved_filters,
    schedules,
    encryption_keys,
    connections,
    oauth_states,
    crm_fields,
    field_mappings,
    token_refreshes,
    leads,
    suspicions,
    idempotency_answers,
    seller,
    seller_logo,
    mails,
    mail_choices,
    lead_news,
    news_readers,
    reply_settings,
    reply_texts,
    replied_addresses,
    consent_wordings
);

diesel::table! {
    imports (id) {
        id -> BigInt,
        source -> Text,
        file_name -> Text,
        file_hash -> Text,
        file_bytes -> BigInt,
        plan -> Text,
        state -> Text,
        rows_done -> BigInt,
        bytes_done -> BigInt,
        queued -> BigInt,
        sent -> BigInt,
        failed -> BigInt,
        skipped -> BigInt,
        refused -> BigInt,
        noted -> BigInt,
        last_error -> Nullable<Text>,
        created_by -> Text,
        created_at -> Timestamp,
        finished_at -> Nullable<Timestamp>,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    imported_leads (source, row_key) {
        source -> Text,
        row_key -> Text,
        line_id -> Text,
        import_id -> BigInt,
    }
}

diesel::table! {
    import_pieces (import_id, seq) {
        import_id -> BigInt,
        seq -> BigInt,
        data -> Binary,
        staged_at -> Timestamp,
    }
}

diesel::table! {
    import_refusals (id) {
        id -> BigInt,
        import_id -> BigInt,
        line -> BigInt,
        why -> Text,
        content -> Text,
        refused_at -> Timestamp,
    }
}

diesel::table! {
    orders (id) {
        id -> BigInt,
        reference -> Nullable<Text>,
        state -> Text,
        currency -> Nullable<Text>,
        total_minor -> Nullable<BigInt>,
        paid_minor -> BigInt,
        refunded_minor -> BigInt,
        lost_minor -> BigInt,
        attention -> Nullable<Text>,
        email -> Nullable<Text>,
        person -> Nullable<Text>,
        customer -> Nullable<Text>,
        line_id -> Text,
        placed_at -> Timestamp,
        paid_at -> Nullable<Timestamp>,
        updated_at -> Timestamp,
        booking_failed_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    order_lines (id) {
        id -> BigInt,
        order_id -> BigInt,
        position -> BigInt,
        sku -> Text,
        name -> Text,
        quantity -> BigInt,
        unit_minor -> BigInt,
        total_minor -> BigInt,
    }
}

diesel::table! {
    checkouts (order_id) {
        order_id -> BigInt,
        client_key_hash -> Nullable<Text>,
        body_hash -> Text,
        attempt -> BigInt,
        session_id -> Nullable<Text>,
        url -> Nullable<Text>,
        expires_at -> Nullable<Timestamp>,
        success_url -> Text,
        cancel_url -> Text,
        last_error -> Nullable<Text>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    books_gone_customers (organisation_id, zoho_id) {
        organisation_id -> Text,
        zoho_id -> Text,
        found_at -> Timestamp,
    }
}

diesel::table! {
    booking_steps (id) {
        id -> BigInt,
        order_id -> BigInt,
        kind -> Text,
        number -> BigInt,
        key -> Text,
        amount_minor -> BigInt,
        currency -> Text,
        organisation_id -> Nullable<Text>,
        zoho_id -> Nullable<Text>,
        account_id -> Nullable<Text>,
        asked_at -> Timestamp,
        done_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    stripe_objects (id) {
        id -> BigInt,
        object_id -> Text,
        kind -> Text,
        status -> Text,
        status_rank -> BigInt,
        amount_minor -> BigInt,
        settled_minor -> BigInt,
        currency -> Nullable<Text>,
        made_at -> Nullable<Timestamp>,
        payment -> Nullable<Text>,
        charge -> Nullable<Text>,
        invoice -> Nullable<Text>,
        subscription -> Nullable<Text>,
        customer -> Nullable<Text>,
        reference -> Nullable<Text>,
        email -> Nullable<Text>,
        person -> Nullable<Text>,
        event_id -> Text,
        event_at -> Timestamp,
        line_id -> Text,
        order_id -> Nullable<BigInt>,
        updated_at -> Timestamp,
        respond_by -> Nullable<Timestamp>,
    }
}

diesel::table! {
    order_book (id) {
        id -> BigInt,
    }
}

diesel::table! {
    receipts (id) {
        id -> BigInt,
        provider -> Text,
        event_id -> Text,
        event_type -> Text,
        object_id -> Nullable<Text>,
        verdict -> Text,
        livemode -> Nullable<Bool>,
        account -> Nullable<Text>,
        api_version -> Nullable<Text>,
        headers -> Nullable<Text>,
        body -> Nullable<Binary>,
        size_bytes -> BigInt,
        address -> Nullable<Text>,
        happened_at -> Nullable<Timestamp>,
        received_at -> Timestamp,
        state -> Text,
        reason -> Nullable<Text>,
        caused -> Nullable<Text>,
        line_id -> Text,
        duplicates -> BigInt,
        seen_again_at -> Nullable<Timestamp>,
        settled_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    refused_webhooks (id) {
        id -> BigInt,
        provider -> Text,
        flaw -> Text,
        address -> Text,
        headers -> Text,
        body -> Binary,
        size_bytes -> BigInt,
        received_at -> Timestamp,
    }
}

diesel::table! {
    refused_webhook_counts (provider, flaw, hour_at) {
        provider -> Text,
        flaw -> Text,
        hour_at -> Timestamp,
        refused -> BigInt,
    }
}

diesel::table! {
    event_feeds (provider) {
        provider -> Text,
        begins_at -> Timestamp,
        cursor_id -> Nullable<Text>,
        cursor_at -> Nullable<Timestamp>,
        walk_newest_id -> Nullable<Text>,
        walk_newest_at -> Nullable<Timestamp>,
        walk_after_id -> Nullable<Text>,
        read_at -> Nullable<Timestamp>,
        gap_from -> Nullable<Timestamp>,
        gap_found_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    products (id) {
        id -> BigInt,
        sku -> Text,
        sku_key -> Text,
        kind -> Text,
        category -> Nullable<Text>,
        image_url -> Nullable<Text>,
        is_active -> Bool,
        tax_class -> Text,
        source -> Text,
        zoho_item_id -> Nullable<Text>,
        has_price -> Bool,
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    product_names (product_id, language) {
        product_id -> BigInt,
        language -> Text,
        name -> Text,
    }
}

diesel::table! {
    price_lists (id) {
        id -> BigInt,
        name -> Text,
        name_key -> Text,
        currency -> Text,
        priority -> BigInt,
        valid_from -> Nullable<Timestamp>,
        valid_until -> Nullable<Timestamp>,
        is_active -> Bool,
        is_default -> Bool,
        source -> Text,
        zoho_pricebook_id -> Nullable<Text>,
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    prices (id) {
        id -> BigInt,
        product_id -> BigInt,
        price_list_id -> BigInt,
        min_quantity -> BigInt,
        amount_minor -> BigInt,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    product_imports (id) {
        id -> BigInt,
        file_name -> Text,
        state -> Text,
        content -> Nullable<Binary>,
        plan -> Text,
        row_count -> BigInt,
        rows_done -> BigInt,
        created -> BigInt,
        changed -> BigInt,
        unchanged -> BigInt,
        last_error -> Nullable<Text>,
        created_by -> Text,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        finished_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    companies (id) {
        id -> BigInt,
        name -> Text,
        name_key -> Text,
        domain -> Nullable<Text>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    contacts (id) {
        id -> BigInt,
        name -> Nullable<Text>,
        name_key -> Nullable<Text>,
        is_name_vouched -> Bool,
        company_id -> Nullable<BigInt>,
        company_rule -> Nullable<Text>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    contact_addresses (id) {
        id -> BigInt,
        contact_id -> BigInt,
        kind -> Text,
        value -> Text,
        is_identifying -> Bool,
        is_vouched -> Bool,
        told_by -> Text,
        told_at -> Timestamp,
        confirmed_by -> Nullable<Text>,
        confirmed_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    contact_links (id) {
        id -> BigInt,
        subject -> Text,
        line_id -> Nullable<Text>,
        contact_id -> BigInt,
        rule -> Text,
        linked_at -> Timestamp,
    }
}

diesel::table! {
    event_links (owner, occurred_at, event_id) {
        owner -> Text,
        occurred_at -> Timestamp,
        event_id -> BigInt,
        source -> Text,
        kind -> Text,
    }
}

diesel::table! {
    people_linker (id) {
        id -> BigInt,
        event_id -> BigInt,
        linked_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    people_linker_aside (event_id) {
        event_id -> BigInt,
        subject -> Text,
        reason -> Text,
        tries -> BigInt,
        set_at -> Timestamp,
        tried_at -> Timestamp,
    }
}

diesel::table! {
    people_linker_gaps (first_id) {
        first_id -> BigInt,
        last_id -> BigInt,
        seen_at -> Timestamp,
    }
}

diesel::allow_tables_to_appear_in_same_query!(prices, price_lists);
