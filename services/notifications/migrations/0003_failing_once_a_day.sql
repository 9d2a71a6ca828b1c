-- A payment that fails again and again is told once a day.
CREATE UNIQUE INDEX notices_failing_once_a_day ON notifications.notices
    (subject, person_id, kind, ((created_at AT TIME ZONE 'Asia/Manila')::date))
 WHERE kind IN ('payment.send_failed.v1', 'payment.send_unknown.v1');
