using PerfCompare.Agent;
using PerfCompare.Agent.Protocol;

if (args.Length > 0)
{
    Log.Write("usage: PerfCompare.Agent (it speaks the agent protocol on stdin and stdout)");
    return (int)ExitCode.Configuration;
}

ParentDeath.EndsThisProcess();

// A library that prints must not break the protocol.
Console.SetOut(Console.Error);

using var output = Console.OpenStandardOutput();
using var input = Console.OpenStandardInput();
var writer = new MessageWriter(output);
var server = new AgentServer(writer);
var lines = new StandardInput(input, writer);
lines.Start();

// The main thread waits here to the end: the kernel's parent-death setting belongs to it.
return (int)ServeAsync(server, lines).GetAwaiter().GetResult();

static async Task<ExitCode> ServeAsync(AgentServer server, StandardInput input)
{
    try
    {
        await foreach (var line in input.Lines.ConfigureAwait(false))
        {
            // An empty line is no message; nobody waits for an answer to it.
            if (line.Length > 0 && !await server.HandleAsync(line).ConfigureAwait(false))
            {
                break;
            }
        }

        return ExitCode.Done;
    }
    catch (IOException problem)
    {
        // Nobody reads our answers any more.
        Log.Write(problem.Message);
        return ExitCode.ProtocolBroken;
    }
}
