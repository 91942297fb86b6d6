SELECT TOP 50001 CONVERT(nvarchar(20), c.session_id),
    CONVERT(nvarchar(20), DATEDIFF_BIG(millisecond, '19700101',
        DATEADD(minute, -DATEPART(tzoffset, SYSDATETIMEOFFSET()), c.connect_time))),
    s.login_name,
    DB_NAME(s.database_id),
    CONVERT(nvarchar(48), c.client_net_address),
    CONVERT(nvarchar(40), c.net_transport),
    CONVERT(nvarchar(40), c.encrypt_option),
    s.program_name,
    CONVERT(nvarchar(20), DATEDIFF_BIG(millisecond, '19700101',
        DATEADD(minute, -DATEPART(tzoffset, SYSDATETIMEOFFSET()), i.sqlserver_start_time))),
    CONVERT(nvarchar(20), COUNT(*) OVER ())
FROM sys.dm_exec_connections c
LEFT JOIN sys.dm_exec_sessions s ON s.session_id = c.session_id
CROSS JOIN sys.dm_os_sys_info i
WHERE c.parent_connection_id IS NULL
    AND c.session_id IS NOT NULL
