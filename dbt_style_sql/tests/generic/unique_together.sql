{# The grain of a model whose key is several columns. NULL is a value like another. #}
{% test unique_together(model, columns) %}
SELECT {{ columns | join(', ') }}
FROM {{ model }}
GROUP BY ALL
HAVING count(*) > 1
{% endtest %}
