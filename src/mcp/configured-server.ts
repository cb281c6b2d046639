/** An MCP server of the configuration: reached by HTTP, or a program that this server starts. */
export interface ConfiguredServer {
  /** The label by which clients use it; or the id of a connector or a tunnel. */
  readonly name: string;
  readonly target: HttpTarget | StdioTarget;
  /** `always` cannot be lowered by clients; `never` is the default if they do not say. */
  readonly approval?: 'always' | 'never';
  /** The only tools that sessions may use. */
  readonly tools?: readonly string[];
}

export interface HttpTarget {
  readonly url: string;
  /** Sent with each request, in addition to those of the client, which take precedence. */
  readonly headers: Readonly<Record<string, string>>;
  readonly authorization?: string;
}

export interface StdioTarget {
  readonly command: string;
  readonly args: readonly string[];
  /** In addition to the usual variables, such as PATH; those of this server are not passed on. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}
