using PerfCompare.Agent;
using PerfCompare.Agent.Protocol;

AgentOptions options;
try
{
    options = AgentOptions.Parse(args);
}
catch (FormatException problem)
{
    Log.Write(problem.Message);
    return (int)ExitCode.Configuration;
}

ParentDeath.EndsThisProcess();

// A library that prints must not break the protocol.
Console.SetOut(Console.Error);

using var output = Console.OpenStandardOutput();
using var input = Console.OpenStandardInput();
var writer = new MessageWriter(output);
var server = new AgentServer(writer, options);
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
            if (!await server.HandleAsync(line).ConfigureAwait(false))
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
