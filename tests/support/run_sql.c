// run_sql FILE SQL [PATH]: runs SQL on a database and prints what it answers, a row a line, columns apart by `|`. With
// PATH: then waits as long as that file is there, with a transaction that SQL began still open. For the shell tests.
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

static int print_row(void *context, int columns, char **values, char **names) {
  (void)context;
  (void)names;
  for (int i = 0; i < columns; i++) printf("%s%s", i ? "|" : "", values[i] ? values[i] : "");
  printf("\n");
  return 0;
}

int main(int count, char **words) {
  sqlite3 *database;
  if (count < 3 || sqlite3_open(words[1], &database) != SQLITE_OK) return 2;
  sqlite3_busy_timeout(database, 5000);
  int result = sqlite3_exec(database, words[2], print_row, NULL, NULL);
  if (result != SQLITE_OK) fprintf(stderr, "run_sql: %s\n", sqlite3_errmsg(database));
  fflush(stdout);
  while (count > 3 && access(words[3], F_OK) == 0) usleep(20000);
  sqlite3_close(database);
  return result != SQLITE_OK;
}
