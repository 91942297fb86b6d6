SELECT CONVERT(nvarchar(20), DATEDIFF_BIG(millisecond, '19700101', SYSUTCDATETIME())),
    CONVERT(nvarchar(20), @@SPID),
    CONVERT(nvarchar(48), CONNECTIONPROPERTY('client_net_address'))
