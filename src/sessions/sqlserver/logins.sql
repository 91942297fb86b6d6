SET QUOTED_IDENTIFIER ON;
WITH targets AS (
    SELECT CAST(t.target_data AS xml).value('(EventFileTarget/File/@name)[1]', 'nvarchar(260)') AS name
    FROM sys.dm_xe_sessions s
    JOIN sys.dm_xe_session_targets t ON t.event_session_address = s.address
    WHERE t.target_name = 'event_file'
        AND EXISTS (SELECT 1 FROM sys.dm_xe_session_events e
            WHERE e.event_session_address = s.address AND e.event_name = 'process_login_finish')
), files AS (
    SELECT DISTINCT CASE CHARINDEX('_0_', REVERSE(name)) WHEN 0 THEN name
        ELSE LEFT(name, LEN(name) - CHARINDEX('_0_', REVERSE(name)) - 2) + '_0_*.xel' END AS path
    FROM targets WHERE name IS NOT NULL
), events AS (
    SELECT CAST(f.event_data AS xml) AS event
    FROM files CROSS APPLY sys.fn_xe_file_target_read_file(files.path, NULL, NULL, NULL) f
    WHERE f.object_name = 'process_login_finish'
), logins AS (
    SELECT event.value('(event/@timestamp)[1]', 'datetime2(3)') AS at,
        event.value('(event/data[@name="ssl_protocol"]/text)[1]', 'nvarchar(60)') AS protocol,
        event.value('(event/data[@name="ssl_cipher"]/text)[1]', 'nvarchar(60)') AS cipher,
        event.value('(event/data[@name="is_success"]/value)[1]', 'nvarchar(5)') AS success,
        event.value('(event/data[@name="application_name"]/value)[1]', 'nvarchar(128)') AS application,
        event.value('(event/data[@name="peer_address"]/value)[1]', 'nvarchar(48)') AS address
    FROM events
)
SELECT TOP (500) protocol, cipher, success, application, address,
    CONVERT(nvarchar(20), COUNT_BIG(*)),
    CONVERT(nvarchar(20), DATEDIFF_BIG(millisecond, '19700101', MIN(at))),
    CONVERT(nvarchar(20), DATEDIFF_BIG(millisecond, '19700101', MAX(at))),
    CONVERT(nvarchar(20), COUNT(*) OVER ())
FROM logins
GROUP BY protocol, cipher, success, application, address
ORDER BY COUNT_BIG(*) DESC
