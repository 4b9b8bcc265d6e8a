"""The SQL project: render the models of dbt_style_sql, order them, deploy them as views."""
