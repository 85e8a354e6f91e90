/* The command line: one function a subcommand, with its own arguments as main gets them (argv[0] is its name). */
#ifndef RIPOSTE_COMMAND_COMMAND_H
#define RIPOSTE_COMMAND_COMMAND_H

/** Exit statuses of every command. `match` follows grep: 0 a match, 1 none. */
enum {
    COMMAND_DONE = 0,   /* all is well */
    COMMAND_FAILED = 1, /* something failed, or an expectation was not met */
    COMMAND_USAGE = 2   /* wrong usage or configuration: nothing was done */
};

int command_run(int argc, char **argv);
int command_runs(int argc, char **argv);
int command_show(int argc, char **argv);
int command_approve(int argc, char **argv);
int command_deny(int argc, char **argv);
int command_retry(int argc, char **argv);
int command_cancel(int argc, char **argv);
int command_undo(int argc, char **argv);
int command_pause(int argc, char **argv);
int command_resume(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_serve(int argc, char **argv);
int command_token(int argc, char **argv);
int command_drill(int argc, char **argv);
int command_check(int argc, char **argv);
int command_match(int argc, char **argv);
int command_aws(int argc, char **argv);
int command_policy(int argc, char **argv);
int command_config(int argc, char **argv);
int command_init(int argc, char **argv);
int command_completion(int argc, char **argv);
int command_version(int argc, char **argv);
int command_help(int argc, char **argv);

/** One subcommand, as `riposte help` lists it. */
typedef struct command {
    const char *name;
    const char *about; /* one line */
    int (*run)(int argc, char **argv);
} command;

/** All of them, in the order in which they are shown; ends with a NULL name. */
extern const command COMMANDS[];

#endif
