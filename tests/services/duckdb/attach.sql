CREATE SECRET tidemark (TYPE iceberg, TOKEN 'tm_...');
ATTACH 'tidemark' AS ice (TYPE iceberg, ENDPOINT 'http://127.0.0.1:8080/iceberg', SECRET tidemark);
