-- No mail leaves a sandbox: what would have been sent is kept, with the reason why it was not.
ALTER TABLE notifications.deliveries
    DROP CONSTRAINT deliveries_state_check,
    ADD CONSTRAINT deliveries_state_check CHECK (state IN ('due', 'sent', 'failed', 'suppressed'));
