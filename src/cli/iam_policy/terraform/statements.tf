{%- for statement in statements %}
      {
        Sid    = {{ statement.sid }}
        Effect = "Allow"
        Action = [
{%- for action in statement.actions %}
          {{ action }},
{%- endfor %}
        ]
        Resource = [
{%- for resource in statement.resources %}
          {{ resource }},
{%- endfor %}
        ]
{%- if let Some(condition) = statement.condition %}
        Condition = {
          StringLike = {
{%- for (key, patterns) in condition.patterns %}
            {{ key }} = [
{%- for pattern in patterns %}
              {{ pattern }},
{%- endfor %}
            ]
{%- endfor %}
          }
        }
{%- endif %}
      },
{%- endfor %}
